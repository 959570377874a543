import type { defaultStackParser, ErrorEvent, NodeClient, StackFrame } from '@sentry/node';
import { codeOf } from '../../errors.ts';

/** A failure as the queue knows it: an error, or only what is left of one. The message holds no personal data. */
type Failure = Error | { readonly code: string; readonly message: string };

interface FailureContext {
  readonly job: string;
  readonly attempt: number;
  readonly key: string;
  readonly trace: string;
}

export interface ErrorReporter {
  /** Queues one report; never throws and never waits. */
  report(failure: Failure, context: FailureContext): void;
  /** Sends what is queued; false when the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
}

interface ReporterOptions {
  /** Null reports nowhere and loads nothing: the library costs 25 MB and two seconds. */
  readonly dsn: string | null;
  readonly environment: string;
  readonly release: string;
}

/** Reports terminal failures to Sentry: code, stack and ids, and nothing that a caller or a provider wrote. */
export async function createErrorReporter({
  dsn,
  environment,
  release,
}: ReporterOptions): Promise<ErrorReporter> {
  if (dsn === null) return { report: () => {}, flush: async () => true };
  const sentry = await import('@sentry/node');
  const client = openClient(sentry, { dsn, environment, release });
  return {
    report: (failure, context) => {
      client.captureEvent(eventOf(failure, context, sentry.defaultStackParser));
    },
    flush: async (deadlineMs) => client.flush(deadlineMs),
  };
}

export type TransportOptions = NonNullable<ConstructorParameters<typeof NodeClient>[0]['transportOptions']>;

/** A client of its own, without the library's global set-up, which patches modules and collects requests. */
export const openClient = (
  sentry: typeof import('@sentry/node'),
  options: { dsn: string; environment: string; release: string; transportOptions?: TransportOptions },
): NodeClient =>
  new sentry.NodeClient({
    ...options,
    integrations: [],
    transport: sentry.makeNodeTransport,
    stackParser: sentry.defaultStackParser,
    beforeSend: keepAllowed,
    maxBreadcrumbs: 0,
    sendClientReports: false,
    includeServerName: false,
    traceLifecycle: 'static',
    enableRuntimeChannelInjection: false,
  });

function eventOf(
  failure: Failure,
  { job, attempt, key, trace }: FailureContext,
  parseStack: typeof defaultStackParser,
) {
  const { type, code, value, stack } = describe(failure);
  const frames = stack === undefined ? [] : parseStack(stack).map(plainFrame);
  return {
    level: 'error' as const,
    exception: { values: [{ type, value, ...(frames.length > 0 ? { stacktrace: { frames } } : {}) }] },
    tags: { job, attempt, key, trace, code },
    fingerprint: [job, code],
  };
}

/** Our own messages are sent. Those of other libraries quote values that they choked on, so only their code is. */
function describe(failure: Failure): {
  type: string;
  code: string;
  value: string;
  stack?: string | undefined;
} {
  if (!(failure instanceof Error))
    return { type: failure.code, code: failure.code, value: `${failure.code}: ${failure.message}` };
  const { name } = failure;
  const code = codeOf(failure, 'INTERNAL');
  if ('code' in failure && failure.code === code)
    return { type: name, code, value: `${code}: ${failure.message}`, stack: framesOf(failure) };
  const foreign = 'code' in failure && typeof failure.code === 'string' ? failure.code.slice(0, 40) : name;
  return { type: name, code, value: foreign, stack: framesOf(failure) };
}

/** The frames alone: a message of several lines may hold lines that look like frames. */
function framesOf({ stack = '', message }: Error): string | undefined {
  const at = stack.indexOf(message);
  return at === -1 ? undefined : stack.slice(at + message.length);
}

function plainFrame({ filename, function: name, module, lineno, colno, in_app }: StackFrame): StackFrame {
  const known = { filename, function: name, module, lineno, colno, in_app };
  return Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined));
}

/** What the library adds by itself (contexts, modules, user, request, breadcrumbs) stays here. */
function keepAllowed(event: ErrorEvent): ErrorEvent {
  const { event_id, timestamp, platform, level, environment, release, exception, tags, fingerprint } = event;
  const kept = { event_id, timestamp, platform, level, environment, release, exception, tags, fingerprint };
  const present = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  return { type: undefined, ...present };
}
