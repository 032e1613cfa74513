import Diagnostics

/// The samples that a model is calibrated on: token ids, all of the same length.
///
/// How they are made from a ``CalibrationSource``:
///
/// - **Records** (`.jsonl`) are taken one by one, in the order of the file. The text of a record is
///   encoded with the special tokens that the tokenizer's post-processor adds (for many models, one
///   at the beginning); `input_ids` are taken as they are. A record is cut at `sequenceLength`
///   tokens, special tokens included; a shorter one is left out. The first `sampleCount` are kept.
/// - **Plain text** (`.txt`) and the built-in text, whose records are joined by a blank line, are
///   encoded as one text, with special tokens once, at its beginning, and cut into consecutive
///   windows of `sequenceLength` tokens without overlap. Windows start in the middle of sentences
///   as they come; what is left at the end is not used.
public struct CalibrationData: Sendable, Equatable {
  /// The samples: token ids, each sample exactly ``sequenceLength`` long.
  public let samples: [[Int32]]
  /// Tokens per sample.
  public let sequenceLength: Int
  /// A fingerprint of all samples in 16 hexadecimal digits: FNV-1a, 64 bits, over the token ids in
  /// order, each as four little-endian bytes.
  public let hash: String
  /// The beginning of the first sample, decoded, on one line.
  public let excerpt: String
  /// Samples of the same source that come after those which were asked for, to measure the result on.
  public let heldOut: [[Int32]]
  /// What the user should know about the samples; empty if all is as asked.
  public let warnings: [String]

  /// Reads samples from a source; see ``init(_:tokenizer:sampleCount:sequenceLength:vocabularySize:)``.
  package init(
    _ source: CalibrationSource, coding: TextCoding, sampleCount: Int, sequenceLength: Int,
    vocabularySize: Int, heldOutCount: Int = 0
  ) throws {
    precondition(
      sampleCount > 0 && sequenceLength > 0 && vocabularySize > 0, "sizes must be positive")
    let vocabulary = Vocabulary(coding: coding, size: vocabularySize)
    let request = Request(
      sampleCount: sampleCount, sequenceLength: sequenceLength, heldOutCount: heldOutCount)
    let found: Found = try naming(source.name) {
      switch source {
      case .builtin: try request.windows(of: BuiltinText.text(), vocabulary)
      case .text(let file): try request.windows(of: FileBytes.map(file), vocabulary)
      case .records(let file): try request.records(in: FileBytes.map(file), vocabulary)
      }
    }
    try self.init(
      samples: Array(found.samples.prefix(sampleCount)), sequenceLength: sequenceLength,
      heldOut: Array(found.samples.dropFirst(sampleCount)),
      excerpt: Self.excerpt(of: found.samples[0], coding),
      warnings: found.warnings(for: request, source: source.name))
  }

  /// Takes samples that are already token ids.
  ///
  /// - Throws: `InputError` if there are none, or if one is not `sequenceLength` long.
  public init(samples: [[Int32]], sequenceLength: Int) throws {
    try self.init(
      samples: samples, sequenceLength: sequenceLength, heldOut: [], excerpt: "", warnings: [])
  }

  private init(
    samples: [[Int32]], sequenceLength: Int, heldOut: [[Int32]], excerpt: String,
    warnings: [String]
  ) throws {
    guard !samples.isEmpty else {
      throw InputError(.invalidValue, source: "calibration samples", "there are none")
    }
    if let index = samples.firstIndex(where: { $0.count != sequenceLength }) {
      throw InputError(
        .invalidValue, source: "calibration samples", place: "sample \(index)",
        "has \(samples[index].count) tokens; expected \(sequenceLength)")
    }
    self.samples = samples
    self.heldOut = heldOut
    self.sequenceLength = sequenceLength
    self.hash = Self.hash(of: samples)
    self.excerpt = excerpt
    self.warnings = warnings
  }

  private static func hash(of samples: [[Int32]]) -> String {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for sample in samples {
      for id in sample {
        let bits = UInt32(bitPattern: id)
        for shift in stride(from: 0, to: 32, by: 8) {
          hash = (hash ^ UInt64((bits >> UInt32(shift)) & 0xFF)) &* 0x100_0000_01B3
        }
      }
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  /// At most 100 characters, line ends written as `\n`.
  private static func excerpt(of sample: [Int32], _ coding: TextCoding) throws -> String {
    let text = try coding.decode(sample.prefix(64).map(Int.init))
    var excerpt = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\n": excerpt += "\\n"
      case "\t": excerpt += "\\t"
      case _ where scalar.properties.generalCategory == .control: excerpt += "\u{FFFD}"
      default: excerpt.unicodeScalars.append(scalar)
      }
      if excerpt.count >= 100 { return excerpt + "…" }
    }
    return sample.count > 64 ? excerpt + "…" : excerpt
  }
}
