import { Module } from '@nestjs/common';
import { LatchkeyModule } from 'latchkey';
import { ApiKeysController } from './api-keys.controller.js';
import { CustomersController } from './customers.controller.js';
import { FilesController } from './files.controller.js';
import { KeyNotices } from './key-notices.js';
import { pool, PoolService } from './pool.js';

/** An application that queries PostgreSQL with `pg`. Its customers manage API keys in it. */
@Module({
  imports: [
    LatchkeyModule.forRootAsync({
      controllers: false, // Customers meet our routes only.
      useFactory: () => ({
        database: { url: process.env.DATABASE_URL! },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
        permissions: { 'files:read': ['admin'], 'files:write': ['admin'] },
      }),
    }),
  ],
  providers: [{ provide: pool, useFactory: () => new PoolService(process.env.DATABASE_URL!) }, KeyNotices],
  controllers: [CustomersController, ApiKeysController, FilesController],
})
export class AppModule {}
