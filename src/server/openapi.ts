import type { INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { latchkeyDocument } from '../openapi/latchkey-document';

export const DOCS_PATH = 'api/docs';

/** Serves Swagger UI at `/api/docs` and the document at `/api/docs/json`. */
export function serveOpenApi(app: INestApplication): OpenAPIObject {
  const document = latchkeyDocument(app);
  SwaggerModule.setup(DOCS_PATH, app, document, {
    jsonDocumentUrl: `${DOCS_PATH}/json`,
    yamlDocumentUrl: `${DOCS_PATH}/yaml`,
    customSiteTitle: 'Latchkey API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, docExpansion: 'list', filter: true },
  });
  return document;
}
