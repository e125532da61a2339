require "openssl"

TOLERANCE_SECONDS = 300

# Whether a delivery was signed with this secret, within the last five minutes.
def verify(secret, headers, body)
  id = headers["webhook-id"].to_s
  timestamp = headers["webhook-timestamp"].to_s
  return false if id.empty? || !timestamp.match?(/\A\d+\z/)
  return false if (Time.now.to_i - timestamp.to_i).abs > TOLERANCE_SECONDS

  key = secret.delete_prefix("whsec_").unpack1("m")
  digest = OpenSSL::HMAC.digest("SHA256", key, "#{id}.#{timestamp}.".b + body.b)
  expected = "v1," + [digest].pack("m0")
  # There are several signatures while a secret is being replaced; one that fits is enough.
  headers["webhook-signature"].to_s.split(" ").any? do |given|
    OpenSSL.secure_compare(given, expected)
  end
end

# From the command line: ruby verify.rb <secret> <webhook-id> <webhook-timestamp> "<webhook-signature>" < body
if $PROGRAM_NAME == __FILE__
  secret, id, timestamp, signature = ARGV
  headers = {
    "webhook-id" => id,
    "webhook-timestamp" => timestamp,
    "webhook-signature" => signature,
  }
  is_valid = verify(secret, headers, $stdin.binmode.read)
  puts is_valid ? "valid" : "forged"
  exit is_valid
end
