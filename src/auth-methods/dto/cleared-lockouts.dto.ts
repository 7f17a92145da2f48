import { Whole } from '../../common/dto/answers';

export class ClearedLockoutsDto {
  @Whole('How many counts of wrong guesses were cleared, locked or not.', 1)
  deleted!: number;
}
