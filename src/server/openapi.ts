import { readdirSync } from 'node:fs';
import * as path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { HttpStatus, type INestApplication } from '@nestjs/common';
import { type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { EXAMPLE } from '../common/dto/examples';
import { HEADERS_TOO_LARGE, OverloadedError, RefusedRequestError } from '../common/errors/common.errors';
import { isDatabaseUnavailable } from '../common/errors/database-errors';
import { addRefusals } from '../common/http/documented-errors';
import { CoalescedTask } from '../common/async/coalesced-task';
import { latchkeyDocument, operationsOf } from '../openapi/latchkey-document';
import { OrganizationsService } from '../organizations/organizations.service';
import { keepDocuments } from './kept-documents';

export const DOCS_PATH = 'api/docs';

/** The refusals of this server before a route is reached. Another host has other limits. */
const REFUSALS = [
  new RefusedRequestError(HttpStatus.REQUEST_TIMEOUT),
  new RefusedRequestError(HEADERS_TOO_LARGE),
  new OverloadedError(),
];

/** Latchkey's API documentation, with the facts that are true of this server alone. */
export function serverDocument(app: INestApplication): OpenAPIObject {
  const document = latchkeyDocument(app);
  for (const operation of Object.values(document.paths).flatMap(operationsOf)) {
    addRefusals(operation.responses, REFUSALS);
  }
  return document;
}

/** Serves Swagger UI at `/api/docs` and the document at `/api/docs/json`, each made once. */
export function serveOpenApi(app: INestApplication, publicUrl?: string): void {
  const document = serverDocument(app);
  if (publicUrl !== undefined) document.servers = [{ url: publicUrl.replace(/\/+$/, ''), description: 'This server' }];
  const organization = new FirstOrganization(app);
  keepDocuments(app, `/${DOCS_PATH}`, filesOfSwaggerUi(), async () => (await organization.id()) ?? '');
  SwaggerModule.setup(DOCS_PATH, app, document, {
    jsonDocumentUrl: `${DOCS_PATH}/json`,
    yamlDocumentUrl: `${DOCS_PATH}/yaml`,
    customSiteTitle: 'Latchkey API',
    swaggerOptions: SWAGGER_UI,
    patchDocumentOnRequest: async () => {
      const id = await organization.id();
      return id === undefined ? document : withOrganization(document, id);
    },
  });
}

/** Its functions run in the browser, as their text. A pasted token lasts as long as the page. */
const SWAGGER_UI = {
  persistAuthorization: false,
  displayRequestDuration: true,
  docExpansion: 'list',
  filter: true,
  requestInterceptor: asFromOutside,
  onComplete: removeStoredTokens,
};

declare const location: { readonly origin: string; readonly pathname: string };
declare const localStorage: { removeItem(name: string): void };

/** Behind a proxy that removes a prefix, the page knows the prefix by its own address. */
function asFromOutside(request: { url: string }): { url: string } {
  const prefix = location.pathname.split('/api/docs')[0] ?? '';
  const isOurs = request.url.startsWith(`${location.origin}/api/`);
  if (isOurs) request.url = location.origin + prefix + request.url.slice(location.origin.length);
  return request;
}

/** Tokens that an earlier version of the page kept there. */
function removeStoredTokens(): void {
  localStorage.removeItem('authorized');
}

function filesOfSwaggerUi(): string[] {
  const from = path.dirname(require.resolve('@nestjs/swagger'));
  const folder = path.dirname(require.resolve('swagger-ui-dist/package.json', { paths: [from] }));
  return readdirSync(folder).filter((file) => !file.endsWith('.map'));
}

/** How long the documentation waits for the database, which it does not need. */
const PATIENCE_MS = 300;

/**
 * The organization with which the installation was set up; it never changes. Unknown before the set-up, and without a database.
 */
class FirstOrganization {
  private known: string | undefined;
  /** However many requests come, there is one query under way. */
  private readonly queries = new CoalescedTask(() => this.find());

  constructor(private readonly app: INestApplication) {}

  async id(): Promise<string | undefined> {
    if (this.known === undefined) {
      const tooLate = pause(PATIENCE_MS, undefined, { ref: false });
      this.known = await Promise.race([this.queries.run(), tooLate]);
    }
    return this.known;
  }

  private async find(): Promise<string | undefined> {
    try {
      return (await this.app.get(OrganizationsService, { strict: false }).first())?.id;
    } catch (error) {
      if (isDatabaseUnavailable(error)) return undefined;
      throw error;
    }
  }
}

/** Puts an existing organization into the examples, so that calls work as they are filled in. An id gives access to nothing. */
function withOrganization(document: OpenAPIObject, id: string): OpenAPIObject {
  const copy = JSON.parse(JSON.stringify(document).replaceAll(EXAMPLE.organizationId, id)) as OpenAPIObject;
  for (const { parameters = [] } of Object.values(copy.paths).flatMap(operationsOf)) {
    for (const parameter of parameters.filter(({ name }) => name === 'orgId')) parameter.example = id;
  }
  return copy;
}
