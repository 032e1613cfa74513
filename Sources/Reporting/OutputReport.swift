public import Foundation
public import JSONText
public import Verification

/// What a run has written in one format.
public struct OutputReport: Sendable, Equatable {
  /// The format's name.
  public var format: String
  /// The folder of the checkpoint.
  public var folder: URL
  /// Bytes of its tensor files.
  public var byteCount: Int
  /// Stored bits per weight of the quantized layers, scales and zero points included.
  public var bitsPerWeight: Double
  /// What reading the finished files again has shown; nil if that was not done.
  public var verification: VerificationReport?

  /// Creates a report.
  public init(
    format: String, folder: URL, byteCount: Int, bitsPerWeight: Double,
    verification: VerificationReport? = nil
  ) {
    self.format = format
    self.folder = folder
    self.byteCount = byteCount
    self.bitsPerWeight = bitsPerWeight
    self.verification = verification
  }

  /// The report as a JSON object.
  public var json: JSONValue {
    var json: JSONValue = [
      "format": .string(format), "folder": .string(folder.path(percentEncoded: false)),
      "bytes": JSONValue(byteCount), "bits_per_weight": JSONValue(bitsPerWeight),
    ]
    if let verification { json.set("verification", verification.json) }
    return json
  }
}
