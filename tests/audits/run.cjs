// node run.cjs <folder with node_modules> <address>: every audit's id, name, status and reason, as JSON.
"use strict";
const { createRequire } = require("node:module");

const [folder, url] = process.argv.slice(2);
const { auditServer } = createRequire(`${folder}/`)("graphql-http");

auditServer({ url }).then((results) => {
  const told = results.map(({ id, name, status, reason }) => ({ id, name, status, reason }));
  console.log(JSON.stringify(told));
});
