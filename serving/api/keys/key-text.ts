import { hash, randomBytes } from 'node:crypto';

/** A key as it is handed out: mq_<id>_<secret>, the secret 256 random bits. */
export interface KeyText {
  readonly keyId: string;
  readonly secret: string;
}

/** What tells a key that was not cut or mistyped from other words. */
const FORM = /^mq_([a-z2-7]{12})_([A-Za-z0-9_-]{43})$/;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
const ID_LENGTH = 12;
const SECRET_BYTES = 32;

export function makeKey(): KeyText {
  const bits = randomBytes(ID_LENGTH);
  const keyId = Array.from(bits, (byte) => LETTERS[byte & 31]).join('');
  return { keyId, secret: randomBytes(SECRET_BYTES).toString('base64url') };
}

export function formatKey({ keyId, secret }: KeyText): string {
  return `mq_${keyId}_${secret}`;
}

/** Null for what has not the form of a key. */
export function parseKey(text: string): KeyText | null {
  const [, keyId, secret] = FORM.exec(text) ?? [];
  return keyId === undefined || secret === undefined ? null : { keyId, secret };
}

/** 32 bytes, kept in the place of the secret. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}
