import { HttpStatus, type INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { HEADERS_TOO_LARGE, OverloadedError, RefusedRequestError } from '../common/errors/common.errors';
import { addRefusals } from '../common/http/documented-refusals';
import { latchkeyDocument, operationsOf } from '../openapi/latchkey-document';

export const DOCS_PATH = 'api/docs';

/** How this server refuses before a route is reached. Another host has limits of its own. */
const REFUSALS = [
  new RefusedRequestError(HttpStatus.REQUEST_TIMEOUT),
  new RefusedRequestError(HEADERS_TOO_LARGE),
  new OverloadedError(),
];

/** Latchkey's API documentation, with what is true of this server alone. */
export function serverDocument(app: INestApplication): OpenAPIObject {
  const document = latchkeyDocument(app);
  for (const operation of Object.values(document.paths).flatMap(operationsOf)) {
    addRefusals(operation.responses, REFUSALS);
  }
  return document;
}

/** Serves Swagger UI at `/api/docs` and the document at `/api/docs/json`. */
export function serveOpenApi(app: INestApplication): void {
  const document = serverDocument(app);
  SwaggerModule.setup(DOCS_PATH, app, document, {
    jsonDocumentUrl: `${DOCS_PATH}/json`,
    yamlDocumentUrl: `${DOCS_PATH}/yaml`,
    customSiteTitle: 'Latchkey API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, docExpansion: 'list', filter: true },
  });
}
