// A Nest application on Fastify with one route, and nothing that asks who is calling.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { sayReady } from '../lib/processes.mjs';
import { reportController } from './report-controller.mjs';

class AppModule {}
Module({ controllers: [reportController()] })(AppModule);

const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error'] });
await app.listen(0, '127.0.0.1');
sayReady({ url: await app.getUrl() });
