import { MOST_FORM_FIELDS, readForm, type FormField, type FormProblem } from '../body/form.ts';
import { notDecodable, signedBody, type Received } from '../received.ts';
import { refused, VerificationReason, type Refused } from '../verdict.ts';

/** The fields of the form in the body, of whatever size; a refusal, in words, where it cannot be read. */
export function formIn(received: Received): { fields: FormField[] } | Refused {
  const body = signedBody(received, { over: 'decoded' });
  if (body === null) return notDecodable(received);
  const form = readForm(received, body);
  return 'problem' in form ? formProblem(form.problem) : form;
}

function formProblem(problem: FormProblem): Refused {
  return refused(VerificationReason.MALFORMED, PROBLEMS[problem]);
}

const PROBLEMS: Readonly<Record<FormProblem, string>> = {
  TOO_MANY: `the form has more than ${MOST_FORM_FIELDS} fields`,
  INVALID: 'the body is not a form in parts, as its content type says',
  LATER: 'the body was not read yet',
};
