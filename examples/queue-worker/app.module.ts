import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LatchkeyModule } from 'latchkey';
import { DataSource } from 'typeorm';
import { Job } from './job.entity.js';
import { OrdersController } from './orders.controller.js';
import { Worker } from './worker.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: () => ({ type: 'postgres', url: process.env.DATABASE_URL, entities: [Job], synchronize: true }),
    }),
    LatchkeyModule.forRootAsync({
      controllers: false,
      inject: [DataSource],
      useFactory: (dataSource: DataSource) => ({
        database: { dataSource },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
      }),
    }),
  ],
  controllers: [OrdersController],
  providers: [Worker],
})
export class AppModule {}
