// Loaded before Azurite, for what takes its time, and that of the processors it shares, as real storage does not.
"use strict";

// Its sweeps of unreferenced content, which run every minute (queues) and every ten (blobs), are put off for as long as
// a timer can. They answer nobody meanwhile, and take the longer the more was overwritten: 72 seconds after 8,000
// writes, 280 after 16,000. The one at each start stays.
for (const service of ["blob", "queue"]) {
  const constants = require(`./node_modules/azurite/dist/src/${service}/utils/constants.js`);
  if (!(constants.DEFAULT_GC_INTERVAL_MS > 0)) {
    throw new Error(`Azurite has no interval of sweeps any more in its ${service} service: see local/azurite/preload.js`);
  }
  constants.DEFAULT_GC_INTERVAL_MS = 2 ** 31 - 1;
}

// V8 would go through all of its memory 15 times a second while content streams by: half of the time that Azurite takes.
require("node:v8").setFlagsFromString("--heap-growing-percent=800");

// A blob is found by its account first, then by its container, so that all of them are gone through for each request.
const { Collection } = require("./node_modules/lokijs");
const { findOne } = Collection.prototype;
Collection.prototype.findOne = function (query) {
  return findOne.call(this, query?.name === undefined ? query : { name: query.name, ...query });
};

// Content is read from files 64 KiB at a time, with a turn of everything that a stream does for each: half of what
// sending it takes.
const fs = require("node:fs");
const { createReadStream } = fs;
fs.createReadStream = (path, options) => createReadStream(path, { highWaterMark: 2 ** 20, ...options });
