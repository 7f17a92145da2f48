const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const JWT = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Whether a part of a text may be a token or another secret, which is then neither sent nor put into an address. */
export function isSecretLike(text: string): boolean {
  return text.split(/\s+/).some((word) => (word.startsWith('eyJ') && JWT.test(word)) || isKeyLike(word));
}

function isKeyLike(word: string): boolean {
  return word.length >= 32 && !UUID.test(word);
}
