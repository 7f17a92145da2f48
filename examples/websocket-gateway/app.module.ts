import { Module } from '@nestjs/common';
import { LatchkeyModule } from 'latchkey';
import { PricesGateway } from './prices.gateway.js';

@Module({
  imports: [
    LatchkeyModule.forRootAsync({
      mountPath: '/latchkey',
      useFactory: () => ({
        database: { url: process.env.DATABASE_URL! },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
        permissions: { 'prices:read': ['admin', 'member'] },
      }),
    }),
  ],
  providers: [PricesGateway],
})
export class AppModule {}
