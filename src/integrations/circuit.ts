import { BrokenCircuitError, CircuitState, ConsecutiveBreaker, circuitBreaker, handleAll } from 'cockatiel';

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

/** `isTrouble`: whether an error is a failure of the provider. What is refused for its own content is none, and ends a row of them. */
export function createCircuit(
  { failures = 5, openMs = 30_000, onChange }: CircuitOptions,
  isTrouble: (error: unknown) => boolean,
): Circuit {
  const policy = circuitBreaker(handleAll, {
    breaker: new ConsecutiveBreaker(failures),
    halfOpenAfter: openMs,
  });
  // To the library an error that is no failure is no success either: the failures on both sides of it would be a row.
  const answerOf = <T>(send: () => Promise<T>) =>
    send().then(
      (value) => ({ ok: true, value }) as const,
      (error: unknown) => {
        if (isTrouble(error)) throw error;
        return { ok: false, error } as const;
      },
    );
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
      const answer = await policy.execute(() => answerOf(send));
      if (answer.ok) return answer.value;
      throw answer.error;
    },
  };
}

export const isCircuitOpen = (error: unknown): boolean => error instanceof BrokenCircuitError;
