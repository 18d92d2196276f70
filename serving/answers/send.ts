import type { ServedListPart, ServePart } from '../../schemas/serve-parts.ts';
import { answerHead, itemJson } from '../lists/answer-json.ts';
import { servedListPart } from '../lists/serve-fields.ts';
import { RANKER_VERSION } from '../lists/list.ts';
import { parseUuid } from '../../common/uuid.ts';
import type { MovieField } from './recommender.ts';
import type { Catalogue } from '../ranking/catalogue.ts';
import type { ServedList } from './served-list.ts';

/** Of an answer, in the forms in which it is sent and logged. */
export interface RequestId {
  readonly text: string;
  readonly bytes: Buffer;
  /** Epoch ms: its time. */
  readonly servedAt: number;
}

/** What of the request goes into its log. */
export interface Asked {
  readonly requestId: RequestId;
  readonly latencyMs: number;
  readonly app: string;
}

/** What a list's log says of the request, whatever the list. */
type OfRequest = Pick<
  ServedList,
  'userId' | 'source' | 'afterRequestId' | 'firstPosition' | 'steps' | 'rows'
>;

export function servePart(list: OfRequest, asked: Asked): ServePart {
  const { rows } = list;
  return {
    request_id: asked.requestId.bytes,
    user_id: list.userId,
    served_at: asked.requestId.servedAt,
    latency_ms: Math.round(asked.latencyMs * 1000) / 1000,
    app: asked.app,
    source: list.source,
    after_request_id: list.afterRequestId === null ? null : parseUuid(list.afterRequestId),
    first_position: list.firstPosition,
    steps: list.steps,
    properties: {
      ranker: RANKER_VERSION,
      ...(rows === null ? {} : { rows: rows.join(',') }),
    },
  };
}

export function listPart(list: ServedList): ServedListPart {
  const { algorithm, modelVersion, surface } = list;
  return servedListPart(
    {
      ...{ algorithm, modelVersion, arm: null },
      surface: surface.name,
      surfaceVersion: surface.version,
    },
    list.items,
  );
}

/** Opens an answer; `listJson` or a stored list's JSON follows, then `]}`. */
export function answerStart(requestId: string, source: string): string {
  return `{"request_id":"${requestId}","source":"${source}",`;
}

export function answerJson(
  list: ServedList,
  requestId: string,
  include: readonly MovieField[],
  catalogue: Catalogue,
): string {
  const items = list.items.map((item, i) =>
    itemJson(item, list.firstPosition + i, fieldsOf(item.movieId, include, catalogue)),
  );
  return `${answerStart(requestId, list.source)}${headOf(list)}${items.join(',')}]}`;
}

export function headOf(list: ServedList): string {
  return answerHead({
    ...list,
    surface: list.surface.name,
    surfaceVersion: list.surface.version,
  });
}

/** `,"title":...` for what the request asks for of each movie. */
export function fieldsOf(
  movieId: number,
  include: readonly MovieField[],
  catalogue: Catalogue,
): string {
  const place = catalogue.placeOf.get(movieId);
  if (include.length === 0 || place === undefined) return '';
  const fields = include.map((field) => {
    switch (field) {
      case 'title':
        return `,"title":${JSON.stringify(catalogue.titles[place] ?? null)}`;
      case 'year':
        return `,"year":${JSON.stringify(catalogue.years[place] || null)}`;
      case 'genres': {
        const names = [...(catalogue.genresOf[place] ?? [])].map(
          (genre) => catalogue.genres[genre],
        );
        return `,"genres":${JSON.stringify(names)}`;
      }
    }
  });
  return fields.join('');
}
