import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LatchkeyModule } from 'latchkey';
import { DataSource } from 'typeorm';
import { Customer } from './customer.entity.js';
import { CustomersController } from './customers.controller.js';
import { InvoicesController } from './invoices.controller.js';
import { KeysController } from './keys.controller.js';

/** An application with a database of its own, and API keys for its customers in it. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({ type: 'postgres', url: process.env.DATABASE_URL, entities: [Customer], synchronize: true }),
    }),
    LatchkeyModule.forRootAsync({
      controllers: false, // Customers meet our routes only.
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({
        database: { dataSource },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
        permissions: { 'invoices:read': ['admin', 'member'], 'keys:manage': ['admin'] },
      }),
    }),
  ],
  controllers: [CustomersController, KeysController, InvoicesController],
})
export class AppModule {}
