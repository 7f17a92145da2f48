import { Module } from '@nestjs/common';
import { ConsoleController } from './console.controller';

/** The web console, a page that uses the REST API beside it. */
@Module({ controllers: [ConsoleController] })
export class ConsoleModule {}
