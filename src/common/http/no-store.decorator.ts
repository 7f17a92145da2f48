import { Header } from '@nestjs/common';

/** For answers that carry a token: nobody on the way may keep them (decisions 10, RFC 6749 section 5.1). */
export function NoStore(): MethodDecorator {
  return Header('Cache-Control', 'no-store');
}
