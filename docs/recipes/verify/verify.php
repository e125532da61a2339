<?php
const TOLERANCE_SECONDS = 300;

/** Whether a delivery was signed with this secret, within the last five minutes. */
function verify(string $secret, array $headers, string $body): bool
{
    $id = $headers['webhook-id'] ?? '';
    $timestamp = $headers['webhook-timestamp'] ?? '';
    if ($id === '' || !preg_match('/^[0-9]{1,12}$/D', $timestamp)) {
        return false;
    }
    if (abs(time() - (int) $timestamp) > TOLERANCE_SECONDS) {
        return false;
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
    $digest = hash_hmac('sha256', "$id.$timestamp.$body", $key, true);
    $expected = 'v1,' . base64_encode($digest);
    // There are several signatures while a secret is being replaced; one that fits is enough.
    foreach (explode(' ', $headers['webhook-signature'] ?? '') as $given) {
        if (hash_equals($expected, $given)) {
            return true;
        }
    }
    return false;
}

// From the command line: php verify.php <secret> <webhook-id> <webhook-timestamp> "<webhook-signature>" < body
if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    [, $secret, $id, $timestamp, $signature] = $argv;
    $headers = [
        'webhook-id' => $id,
        'webhook-timestamp' => $timestamp,
        'webhook-signature' => $signature,
    ];
    $isValid = verify($secret, $headers, stream_get_contents(STDIN));
    echo $isValid ? "valid\n" : "forged\n";
    exit($isValid ? 0 : 1);
}
