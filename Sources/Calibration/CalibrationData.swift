import Diagnostics
import Foundation

/// The samples that a model is calibrated on: token ids, all of the same length but for those that are padded.
///
/// How they are made from a ``CalibrationSource``:
///
/// - **Records** (`.jsonl`) are taken one by one, in the order of the file. The text of a record is
///   encoded with the special tokens that the tokenizer's post-processor adds (for many models, one
///   at the beginning); `input_ids` are taken as they are; conversations are what the model's chat template makes
///   of them, with its special tokens and no others. A record is cut at `sequenceLength`
///   tokens, special tokens included. The first `sampleCount` are kept.
/// - **Shorter records** are joined (``ShortSamples``): one follows on another until a sample is full, and what is left
///   begins the next; the token that ends a text stands between texts. Or each is a sample by itself, padded when it is
///   run, where padding counts in nothing; or they are left out. Longer records are samples by themselves in any case.
/// - **Plain text** (`.txt`) and the built-in text, whose records are joined by a blank line, are
///   encoded as one text, with special tokens once, at its beginning, and cut into consecutive
///   windows of `sequenceLength` tokens without overlap. Windows start in the middle of sentences
///   as they come; what is left at the end is not used.
/// - **Mixtures** have as many samples of each part as its weight says, one part after the other.
public struct CalibrationData: Sendable, Equatable {
  /// The samples: token ids, each sample ``sequenceLength`` long, or shorter where it is to be padded.
  public let samples: [[Int32]]
  /// Tokens per sample; of padded ones as many as the longest has, and a few more so that it can be divided.
  public let sequenceLength: Int
  /// Which tokens are the samples' own, and count; nil where all do.
  package let masks: [SampleMask]?
  /// A fingerprint of all samples in 16 hexadecimal digits: FNV-1a, 64 bits, over the token ids in
  /// order, each as four little-endian bytes; and behind them, where not all are full and count, over the length of each
  /// and the bounds of what counts.
  public let hash: String
  /// What else there is to say of how samples came about; empty if nothing.
  public let remark: String
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
  ///   - settings: How samples are made.
  /// - Throws: `InputError` if there is not one full sample, if a line is malformed (with its
  ///   number), or if an id is not in the vocabulary.
  /// - Precondition: The first three numbers are positive.
  public init(
    _ source: CalibrationSource, coding: TextCoding, sampleCount: Int, sequenceLength: Int,
    vocabularySize: Int, heldOutCount: Int = 0,
    settings: CalibrationSettings = CalibrationSettings()
  ) throws {
    precondition(
      sampleCount > 0 && sequenceLength > 0 && vocabularySize > 0, "sizes must be positive")
    let vocabulary = Vocabulary(coding: coding, size: vocabularySize)
    var request = Request(
      sampleCount: sampleCount, sequenceLength: sequenceLength, heldOutCount: heldOutCount,
      settings: settings)
    let (found, warnings) = try request.found(in: source, vocabulary)
    if settings.lossMask == .answers, found.conversationCount == 0,
      !found.samples.contains(where: { $0.isCounted != nil })
    {
      throw InputError(
        .invalidValue, source: source.name,
        "has no conversation, of which \(OptionName.lossMask.with(LossMask.answers.rawValue)) takes the answers"
      )
    }
    samples = found.samples.map(\.ids)
    let length = Self.length(of: samples, limit: sequenceLength)
    self.sequenceLength = length
    heldOut = Array(
      found.heldOut.flatMap { window in
        stride(from: 0, through: window.count - length, by: length).map {
          Array(window[$0..<$0 + length])
        }
      })
    let isMasked = found.samples.contains { $0.countedCount < length }
    masks = isMasked ? found.samples.map(\.mask) : nil
    hash = Self.hash(of: samples, masks ?? [])
    remark = Self.remark(found, settings)
    excerpt = try Self.excerpt(of: samples[0], coding)
    request.sequenceLength = length
    self.warnings =
      warnings
      + Self.warnings(
        on: found.samples, of: request, vocabulary, heldOutCount: heldOut.count, source: source.name
      )
  }

  /// The length of the longest sample, rounded up: what computes it can be divided then, as far as that goes.
  private static func length(of samples: [[Int32]], limit: Int) -> Int {
    let longest = samples.lazy.map(\.count).max() ?? limit
    return longest > limit - 64 ? limit : (longest + 63) / 64 * 64
  }

  /// Tokens of all samples, without padding.
  public var tokenCount: Int { samples.reduce(0) { $0 + $1.count } }

  private static func remark(_ found: Found, _ settings: CalibrationSettings) -> String {
    var parts: [String] = []
    if settings.shuffleSeed != nil { parts.append("shuffled") }
    if found.shortCount > 0, settings.shortSamples != .drop {
      let verb = settings.shortSamples == .join ? "joined" : "padded"
      parts.append("\(counted(found.shortCount, "short record")) \(verb)")
    }
    if settings.lossMask == .answers {
      let count = found.samples.reduce(0) { $0 + $1.countedCount }
      parts.append("\(counted(count, "token")) of answers count")
    }
    return parts.joined(separator: ", ")
  }

  private static func hash(of samples: [[Int32]], _ masks: [SampleMask]) -> String {
    let shape: [Int32] = masks.flatMap { mask in
      [mask.tokenCount, mask.counted.count]
        + mask.counted.flatMap { [$0.lowerBound, $0.upperBound] }
    }.map { Int32(truncatingIfNeeded: $0) }
    let numbers = (samples.joined() + shape).map(\.littleEndian)
    let hash = numbers.withUnsafeBytes {
      $0.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
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
