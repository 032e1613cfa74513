import Diagnostics
import Foundation

/// The samples that a model is calibrated on: token ids, all of the same length.
///
/// How they are made from a ``CalibrationSource``:
///
/// - **Records** (`.jsonl`) are taken one by one, in the order of the file. The text of a record is
///   encoded with the special tokens that the tokenizer's post-processor adds (for many models, one
///   at the beginning); `input_ids` are taken as they are; conversations are what the model's chat template makes
///   of them, with its special tokens and no others. A record is cut at `sequenceLength`
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

  /// Reads samples from a source.
  ///
  /// - Parameters:
  ///   - source: Where the text is.
  ///   - coding: That of the model's tokenizer.
  ///   - sampleCount: The number of samples wanted. Fewer are no error; ``warnings`` says so.
  ///   - sequenceLength: Tokens per sample.
  ///   - vocabularySize: The number of rows of the model's embedding; every id must be below it.
  ///   - heldOutCount: Samples to read after those, for ``heldOut``, as far as there are more.
  /// - Throws: `InputError` if there is not one full sample, if a line is malformed (with its
  ///   number), or if an id is not in the vocabulary.
  /// - Precondition: The first three numbers are positive.
  public init(
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
    samples = Array(found.samples.prefix(sampleCount))
    heldOut = Array(found.samples.dropFirst(sampleCount))
    self.sequenceLength = sequenceLength
    hash = Self.hash(of: samples)
    excerpt = try Self.excerpt(of: samples[0], coding)
    warnings = found.warnings(for: request, source: source.name)
  }

  private static func hash(of samples: [[Int32]]) -> String {
    let bytes = samples.lazy.joined().flatMap { withUnsafeBytes(of: $0.littleEndian, Array.init) }
    let hash = bytes.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01B3
    }
    return String(format: "%016llx", hash)
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
