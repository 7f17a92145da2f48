import { ResponseInteger } from '../../../common/dto/response-fields';

export class ClearedLockoutsDto {
  @ResponseInteger('How many counts of wrong guesses were cleared, whether they had locked or not.', 1)
  deleted!: number;
}
