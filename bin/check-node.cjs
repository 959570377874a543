// Plain CommonJS, so that every Node can read it: below 24 Node cannot even load the .ts files that would complain.
'use strict';

const NEEDED_MAJOR = 24;

/** What to do when `version` is too old for callclear, else null. */
function nodeProblem(version) {
  if (Number.parseInt(version, 10) >= NEEDED_MAJOR) return null;
  return [
    `callclear needs Node ${NEEDED_MAJOR} or newer; this is Node ${version}.`,
    'Run `npm ci` (without --ignore-scripts and --omit=dev), which brings the right Node along,',
    'and start through npm: `npm start`, `npm run demo`, `npm test`. Or install Node 24 yourself.',
  ].join('\n');
}

const problem = nodeProblem(process.versions.node);
if (problem !== null) {
  process.stderr.write(`${problem}\n`);
  process.exit(1);
}

module.exports = { nodeProblem };
