/**
 * What is known of user code from its last runs: `quick` code took little time, `suspect` code ran out of it, and of
 * `unproven` code neither is known.
 */
export type Standing = 'quick' | 'unproven' | 'suspect';
