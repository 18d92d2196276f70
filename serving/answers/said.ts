/**
 * What the steps of the chain said on the way to an answer, in order: `cache:miss`, `similarity:used`. So
 * it can be explained afterwards why a list came from where it did, and why not from elsewhere.
 */
export type Step = 'cache' | 'similarity' | 'batch' | 'popular';

const MEANINGS: Readonly<Record<string, string>> = {
  used: 'it gave the list',
  miss: 'there was no list of this user and surface',
  outdated: 'its list was made too long after the last action, or before a newer one',
  stale: 'its list was outdated, but nothing better could be had',
  other: 'its list was of another model, ranker or version of the surface',
  foreign: 'what stood there was no list of ours, or a damaged one',
  withdrawn: 'its list held a movie that is no longer offered',
  filtered: 'the request asks for something that is made for it alone',
  not_personal: 'the request asks for an answer that knows nothing of the user',
  no_model: 'no model serves yet',
  no_profile: 'nothing is known of this user',
  no_history: 'the user did nothing that the model knows a movie of',
  no_list: 'the nightly run made no list for this user',
  unavailable: 'its server did not answer',
  timeout: 'its server took too long',
  resting: 'its server has failed lately and is left alone for a moment',
  absent: 'it is not set up',
};

export function meaningOf(said: string): string {
  const [step = '', word = ''] = said.split(':');
  return `${step}: ${MEANINGS[word] ?? word}`;
}

export interface Said {
  say(step: Step, word: string): void;
  readonly all: readonly string[];
}

export function createSaid(): Said {
  const all: string[] = [];
  return {
    say(step, word) {
      all.push(`${step}:${word}`);
    },
    all,
  };
}
