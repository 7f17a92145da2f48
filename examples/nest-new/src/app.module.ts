import { Module } from '@nestjs/common';
import { LatchkeyModule } from 'latchkey';
import { ClsModule } from 'nestjs-cls';
import { ApiKeysController } from './api-keys.controller.js';
import { CustomersController } from './customers.controller.js';
import { FilesController } from './files.controller.js';
import { UsageController, UsageService } from './usage.controller.js';

@Module({
  imports: [
    ClsModule.forRoot({ global: true, middleware: { mount: true } }),
    LatchkeyModule.forRootAsync({
      controllers: false, // Customers meet your routes only.
      useFactory: () => ({
        database: { url: process.env.DATABASE_URL! },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
        keys: { prefix: 'acme_live_' },
        permissions: { 'files:read': [], 'files:write': [] },
      }),
    }),
  ],
  controllers: [CustomersController, ApiKeysController, FilesController, UsageController],
  providers: [UsageService],
})
export class AppModule {}
