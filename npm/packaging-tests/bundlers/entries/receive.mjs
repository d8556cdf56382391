// A Worker that receives: signature, event, answer.

import { webhookHandler } from "countersign/fetch";

let receive;

export default {
  fetch(request, env, context) {
    receive ??= webhookHandler({ provider: "sendemall", secrets: env.SECRET, onEvent() {} });
    return receive(request, context);
  },
};
