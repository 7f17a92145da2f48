import { Module } from '@nestjs/common';
import { GraphQLModule } from '@nestjs/graphql';
import { MercuriusDriver, type MercuriusDriverConfig } from '@nestjs/mercurius';
import { LatchkeyModule } from 'latchkey';
import { BooksResolver } from './books.resolver.js';

@Module({
  imports: [
    GraphQLModule.forRoot<MercuriusDriverConfig>({
      driver: MercuriusDriver,
      autoSchemaFile: true,
      // Where the guard looks for the token.
      context: (request: unknown) => ({ req: request }),
    }),
    LatchkeyModule.forRootAsync({
      mountPath: '/latchkey',
      useFactory: () => ({
        database: { url: process.env.DATABASE_URL! },
        authSecret: process.env.LATCHKEY_AUTH_SECRET!,
        permissions: { 'books:write': ['admin', 'member'] },
      }),
    }),
  ],
  providers: [BooksResolver],
})
export class AppModule {}
