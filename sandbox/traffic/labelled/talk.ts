import type { Random } from '../../random.ts';
import { chance, logNormal } from './distributions.ts';
import type { LabelledCampaign } from './world.ts';

export interface Talk {
  readonly answered: boolean;
  readonly durationS: number;
}

const LONGEST_S = 7_200;
const whole = (seconds: number): number => Math.min(LONGEST_S, Math.max(1, Math.round(seconds)));

/** Nobody answered, a hang-up, a talk that leads to nothing, or one that does: a mixture of three log-normals. */
export function honestTalk(random: Random, { talk }: LabelledCampaign): Talk {
  if (chance(random, talk.unansweredShare)) return unanswered(random);
  const kind = random.next();
  if (kind < talk.shortShare) return answered(logNormal(random, talk.shortMedianS, talk.shortSigma));
  if (kind < talk.shortShare + talk.midShare)
    return answered(logNormal(random, talk.midMedianS, talk.midSigma));
  return answered(logNormal(random, talk.longMedianS, talk.longSigma));
}

/** The line went dead before anything was settled; the same person calls again. */
export const droppedTalk = (random: Random): Talk => answered(logNormal(random, 20, 0.8));

export const answered = (seconds: number): Talk => ({ answered: true, durationS: whole(seconds) });

/** Nobody answered, or it ended at once. */
export function failedTalk(random: Random): Talk {
  return chance(random, 0.5) ? unanswered(random) : answered(logNormal(random, 8, 0.7));
}

const unanswered = (random: Random): Talk => ({ answered: false, durationS: random.between(0, 25) });
