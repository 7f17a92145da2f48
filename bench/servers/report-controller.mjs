import { Controller, Get } from '@nestjs/common';
import { ANSWER } from './answer.mjs';

/** One route. Decorators are applied by hand: this is no TypeScript. */
export function reportController(...decorators) {
  class ReportController {
    report() {
      return ANSWER;
    }
  }
  const method = Object.getOwnPropertyDescriptor(ReportController.prototype, 'report');
  for (const decorate of [Get('report'), ...decorators]) decorate(ReportController.prototype, 'report', method);
  Controller()(ReportController);
  return ReportController;
}
