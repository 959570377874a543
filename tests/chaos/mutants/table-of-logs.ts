import { inFile, type Mutant } from './killers.ts';

const logs = inFile('tests/real/call-logs.test.ts');
const pages = inFile('tests/real/call-log-pages.test.ts');
const events = inFile('tests/real/stripe-events.test.ts');

/** Defects of asking the providers what no webhook brought. */
export const LOGS: readonly Mutant[] = [
  {
    name: 'changed-call-called-known',
    invariants: ['INV-18'],
    breaks: 'a call that became longer stays as short as its first webhook said',
    redBy: logs(
      'calls that log and books tell differently > a longer duration that no webhook told is booked as one that a webhook had',
    ),
  },
  {
    name: 'list-behind-its-webhooks-believed',
    invariants: ['INV-18'],
    breaks: 'a list that is behind its webhooks takes their news back',
    redBy: logs(
      'calls that log and books tell differently > news of the last hour is left alone, because a list may be behind its webhooks',
    ),
  },
  {
    name: 'absent-without-asking',
    invariants: ['INV-20'],
    breaks: 'a call that a moving list skipped is called unknown to its provider',
    redBy: pages(
      'pages > that skip a call because one went while they were read call none absent that the provider knows',
    ),
  },
  {
    name: 'events-passed-over',
    invariants: ['INV-19'],
    breaks: 'events that a cut short run did not reach are never read again',
    redBy: events(
      'events that no webhook brought > are read a day at a time: a run that is cut short goes on where it was',
    ),
  },
  {
    name: 'log-without-talk-believed',
    invariants: ['INV-16'],
    breaks: 'a call is rated anew by a log that does not know whether anybody talked',
    redBy: logs(
      'a log that does not know whether anybody talked > has nothing rated anew where it contradicts a webhook: the break is open for people',
    ),
  },
  {
    name: 'page-of-another-account-taken-in',
    invariants: ['INV-16'],
    breaks:
      'a page that names no call of the books, though they have calls of its time, is taken in beside them',
    redBy: logs(
      'calls that the books have under another id > are not doubled by a page that names no call of the books, though they have some of its time',
    ),
  },
  {
    name: 'call-of-another-id-doubled',
    invariants: ['INV-16'],
    breaks: 'a call that the books have under another id is taken in once more',
    redBy: logs(
      'calls that the books have under another id > are not doubled one by one: the same number and caller within five seconds is the same call',
    ),
  },
];
