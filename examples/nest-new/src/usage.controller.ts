import { Controller, Get, Injectable, UseGuards, UseInterceptors } from '@nestjs/common';
import { AccessTokenGuard, type VerifiedAccessToken } from 'latchkey';
import { ClsService } from 'nestjs-cls';
import { CurrentCallerInterceptor } from './current-caller.interceptor.js';

@Injectable()
export class UsageService {
  constructor(private readonly cls: ClsService) {}

  ofCaller() {
    const { organization } = this.cls.get<VerifiedAccessToken>('caller');
    return { customer: organization.externalId, megabytes: 12 };
  }
}

@Controller('usage')
@UseGuards(AccessTokenGuard)
@UseInterceptors(CurrentCallerInterceptor)
export class UsageController {
  constructor(private readonly usage: UsageService) {}

  @Get()
  show() {
    return this.usage.ofCaller();
  }
}
