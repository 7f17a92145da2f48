import { Module } from '@nestjs/common';
import { ClientSecretHasher } from './client-secret.hasher';
import { ClientSecretRotationService } from './client-secret-rotation.service';
import { ClientSecretStore } from './client-secret.store';

const PROVIDERS = [ClientSecretHasher, ClientSecretStore, ClientSecretRotationService];

/** Apart from the REST API: a host rotates client secrets without it. */
@Module({ providers: PROVIDERS, exports: PROVIDERS })
export class ClientSecretStoreModule {}
