import { Module } from '@nestjs/common';
import { AuthMethodStore } from './auth-method.store';

/** Apart from the REST API: a host gives identities a method without it. */
@Module({ providers: [AuthMethodStore], exports: [AuthMethodStore] })
export class AuthMethodStoreModule {}
