/**
 * What the pages of the API documentation carry. Swagger UI runs from files of this server alone, calls this server alone, and
 * stands in no frame; its styles are partly inline.
 *
 * @param publicUrl where its calls go, when that is not where the page is.
 */
export function docsHeaders(publicUrl: string | undefined): Readonly<Record<string, string>> {
  const elsewhere = publicUrl === undefined ? '' : ` ${new URL(publicUrl).origin}`;
  return {
    'Content-Security-Policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      "img-src 'self' data:",
      `connect-src 'self'${elsewhere}`,
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ].join('; '),
    'X-Frame-Options': 'DENY',
    'Referrer-Policy': 'no-referrer',
    'Cross-Origin-Opener-Policy': 'same-origin',
  };
}
