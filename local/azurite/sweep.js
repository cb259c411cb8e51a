// Loaded before Azurite: its sweeps of unreferenced content, which run every minute (queues) and every ten (blobs), are
// put off for as long as a timer can. They answer nobody meanwhile, and take the longer the more was overwritten:
// 72 seconds after 8,000 writes, 280 after 16,000. The one at each start stays.
"use strict";

for (const service of ["blob", "queue"]) {
  const constants = require(`./node_modules/azurite/dist/src/${service}/utils/constants.js`);
  if (!(constants.DEFAULT_GC_INTERVAL_MS > 0)) {
    throw new Error(`Azurite has no interval of sweeps any more in its ${service} service: see local/azurite/sweep.js`);
  }
  constants.DEFAULT_GC_INTERVAL_MS = 2 ** 31 - 1;
}
