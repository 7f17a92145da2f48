import { Injectable, RequestMethod } from '@nestjs/common';
import { type AbstractHttpAdapter, HttpAdapterHost } from '@nestjs/core';
import { isLatchkeyController } from '../common/http/latchkey-controller.decorator';
import { answerOtherMethods } from '../common/http/other-methods';
import {
  type ApplicationRoute,
  ApplicationRoutesService,
  covers,
  overlap,
  swallows,
} from './application-routes.service';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * Answers, on the paths of Latchkey's own routes, the methods that they do not offer. Methods that the application answers are
 * left alone.
 */
@Injectable()
export class OtherMethodsService {
  constructor(
    private readonly routes: ApplicationRoutesService,
    private readonly adapterHost: HttpAdapterHost,
  ) {}

  /** Runs when every controller's routes are registered, because the first registered route answers. */
  answer(): void {
    // Null in an application that serves nothing, such as a worker.
    const { httpAdapter } = this.adapterHost as { httpAdapter?: AbstractHttpAdapter | null };
    if (!httpAdapter || !['express', 'fastify'].includes(httpAdapter.getType())) return;
    const all = this.routes.all();
    const own = all.filter(({ controller }) => isLatchkeyController(controller));
    const hosts = all.filter(({ controller }) => !isLatchkeyController(controller));
    for (const path of new Map(own.map((route) => [shapeOf(route.path), route.path])).values()) {
      // A path with an id also matches `search`, as the id: its methods are those of both.
      const known = methodsOf(own.filter((route) => covers(route.path, path)));
      const left = methodsOf(hosts.filter((host) => overlap(host.path, path) || swallows(host.path, path)));
      answerOtherMethods(httpAdapter, path, known, left);
    }
  }
}

/** Routers tell paths apart by their words, not by the names of their parameters. */
function shapeOf(path: string): string {
  return path.replace(/:\w+/g, ':');
}

function methodsOf(routes: readonly ApplicationRoute[]): string[] {
  const all: number = RequestMethod.ALL;
  return routes.flatMap(({ method }) => (method === all ? METHODS : [RequestMethod[method]!]));
}
