// Exits with 0 while the URL given answers well: the health check of the api container.
const [, , url = ''] = process.argv;
const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) }).catch(() => null);
process.exit(answer?.ok ? 0 : 1);
