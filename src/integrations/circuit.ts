import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel';

export interface CircuitOptions {
  /** So many failures in a row open it. Default 5. */
  readonly failures?: number;
  /** So long nothing is sent then; after it one request is, which closes the circuit or opens it anew. Default 30,000. */
  readonly openMs?: number;
  /** Told at the start, and at each change: whether it is open. */
  readonly onChange: (isOpen: boolean) => void;
}

/** Stops asking a provider that fails again and again, in one process: others find out by their own requests. */
export interface Circuit {
  /** Nothing may be sent now. */
  isOpen(): boolean;
  /** Sends, or throws an error of which `isCircuitOpen` is true. */
  run<T>(send: () => Promise<T>): Promise<T>;
}

/** `isTrouble`: whether an error says something of the provider; what is refused for its own content does not. */
export function createCircuit(
  { failures = 5, openMs = 30_000, onChange }: CircuitOptions,
  isTrouble: (error: unknown) => boolean,
): Circuit {
  const policy = circuitBreaker(handleWhen(isTrouble), {
    breaker: new ConsecutiveBreaker(failures),
    halfOpenAfter: openMs,
  });
  let openUntilMs = 0;
  // Of a circuit that is only being tried nobody is told that it closed.
  policy.onBreak(() => {
    openUntilMs = Date.now() + openMs;
    onChange(true);
  });
  policy.onReset(() => onChange(false));
  onChange(false);
  // The library lets others wait for the one request that is tried: a second of it may be more than they have.
  const isOpen = () =>
    policy.state === CircuitState.HalfOpen ||
    (policy.state === CircuitState.Open && Date.now() < openUntilMs);
  return {
    isOpen,
    async run(send) {
      if (isOpen()) throw new BrokenCircuitError();
      return policy.execute(send);
    },
  };
}

export const isCircuitOpen = (error: unknown): boolean => error instanceof BrokenCircuitError;
