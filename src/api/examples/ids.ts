/** The ids in the examples of the OpenAPI document, one for each kind of thing. */
export const EXAMPLE_ID = {
  project: 'tm_01m1edeag0eazzed08y8',
  apiKey: 'apk_01m1edeag0eazzfe5ar7',
  source: 'src_01m1edeag0eazzgac7qe',
  destination: 'des_01m1edeag0eazzhfqqgr',
  connection: 'web_01m1edeag0eazzj6zyvh',
  transformation: 'trs_01m1edeag0eazzk2c8xh',
  transformationExecution: 'reqt_01m1edebf81cb763yv46v7054cn3',
  request: 'req_01m1edebf81cb763yv46',
  eventData: 'edt_01m1edebf81cb763yv46',
  event: 'evt_01m1edebf81cb763yv46v7054cn3',
  attempt: 'atm_01m1edebf81cb763yv46v7054cn30001',
} as const;

/** When the things in the examples were created. */
export const EXAMPLE_TIME = '2026-09-01T12:00:00.000Z';
