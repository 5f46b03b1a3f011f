/** The action that every detector's settings have. Pure. */
import { z } from 'zod';

/** What the box may do by itself when a detector is sure. Default: tell, and leave it to people. */
export const action = z
  .enum(['report', 'refuse', 'contain'])
  .default('report')
  .describe(
    'refuse: inline, the connections that make up the finding are refused; contain: the device is contained',
  );
