public import CPU
import Checkpoints
package import Compute
import Diagnostics
package import Execution
public import Foundation
import LanguageModels
public import Recordings
import Tensors
import Tokenization

/// Measures a model's perplexity on a text, and how its predictions differ from a reference model's.
///
/// The text is tokenized once without special tokens and cut into windows of `sequenceLength` tokens that do
/// not overlap; the incomplete last one is dropped. Every token of a window but its first is predicted from
/// those before it in the window. Perplexity is exp of the mean negative log-likelihood.
public struct Evaluation {
  /// The checkpoint that is measured.
  public var model: URL
  /// The checkpoint that it is compared with, usually the one that it was made from.
  public var reference: URL?
  /// Tokens of a window.
  public var sequenceLength: Int
  /// The type of the matrix products.
  public var compute: ComputeType
  /// Told the share of the work that is done, from 0 to 1. What it throws ends the evaluation.
  public var progress: (Double) throws -> Void

  /// A reference that is open already, in the place of ``reference``.
  package var source: SourceModel?
  /// Windows that are computed at once; nil: as many as keep the matrix products fast.
  package var windowLimit: Int?
  /// ``model`` where it cannot be opened by its folder alone.
  package var opened: ReadableModel?
  /// What computes; nil: the processor.
  package var device: (any Device)?

  /// Creates an evaluation.
  public init(
    model: URL, reference: URL? = nil, sequenceLength: Int = 512,
    compute: ComputeType = .automatic, progress: @escaping (Double) throws -> Void = { _ in }
  ) {
    self.model = model
    self.reference = reference
    self.sequenceLength = sequenceLength
    self.compute = compute
    self.progress = progress
  }

  /// Evaluates on the text in `file`.
  ///
  /// - Throws: `InputError` if a file cannot be read, if the text is shorter than one window, or if the
  ///   reference has another vocabulary, or makes other tokens of the text.
  public func run(onText file: URL) throws -> EvaluationReport {
    try run(comparingRounding: false) { try windows(of: file, model: $0, reference: $1) }
  }

  /// Evaluates on windows of token ids, all of one length, which are those of the checkpoint's own
  /// vocabulary.
  ///
  /// - Parameter comparingRounding: Whether to measure as well what plain rounding of the reference in the
  ///   model's schemes predicts; see ``EvaluationReport/Comparison/rounded``. Takes half as long again.
  /// - Throws: As ``run(onText:)`` does; the windows are not those of a text.
  /// - Precondition: There is a window, and all are of one length, at least 2.
  public func run(
    onWindows windows: [[Int32]], comparingRounding: Bool = false
  ) throws -> EvaluationReport {
    try run(comparingRounding: comparingRounding) { _, _ in windows.map { $0.map { Int($0) } } }
  }

  private func run(
    comparingRounding: Bool, on windows: (ReadableModel, ReadableModel?) throws -> [[Int]]
  ) throws -> EvaluationReport {
    let started = ContinuousClock.now
    let model = try opened ?? ReadableModel(opening: model)
    let reference =
      try source.map(ReadableModel.init) ?? reference.map { try ReadableModel(opening: $0) }
    if let reference { try requireComparable(model, reference) }
    let rounded = comparingRounding ? reference.flatMap(model.rounded) : nil
    let windows = try windows(model, reference)
    let sequenceLength = windows[0].count
    let device = try device ?? CPUDevice(compute: compute)
    let models = [model, reference, rounded].compactMap(\.self)
    var streams: [ActivationCache] = []
    for (index, model) in models.enumerated() {
      streams.append(
        try model.lastHiddenStates(of: windows, on: device, windowLimit: windowLimit) {
          // The blocks are most of the work; the heads come at the end.
          try progress(0.9 * (Double(index) + Double($0) / Double($1)) / Double(models.count))
        })
    }
    // Plain rounding reads what the quantized model keeps.
    for model in models { model.checkpoint.releasePages() }
    // All but the last token of a window predict another, in pieces of one size.
    let (count, columns) = (sequenceLength - 1, model.description.vocabularySize)
    let tokens = LogitProgram.pieceTokens(window: sequenceLength, vocabularySize: columns)
    func head(_ model: ReadableModel, like other: LogitProgram? = nil) throws -> LogitProgram {
      try LogitProgram(model, tokens: tokens, device: device, weightsOf: other)
    }
    var heads = [try head(model)]
    if let reference {
      let isSame = try LogitProgram.haveEqualWeights(model, reference)
      heads.append(try head(reference, like: isSame ? heads[0] : nil))
    }
    // Rounding has a head of its own only where heads are quantized: then its scores come after the model's.
    if let rounded { heads.append(try model.quantizesHead ? head(rounded) : heads[0]) }
    var scores = [Score(), Score()]
    let rowByteCount = model.description.hiddenSize * device.compute.byteCount
    for (index, window) in windows.enumerated() {
      for first in stride(from: 0, to: count, by: tokens) {
        // The last piece begins in the one before it.
        let start = min(first, count - tokens)
        let targets = window[(first + 1)...(start + tokens)]
        func logits(_ model: Int) -> UnsafePointer<Float> {
          heads[model].logits(of: streams[model][index] + start * rowByteCount)
            + (first - start) * columns
        }
        let known = reference.map { _ in logits(1) }
        scores[0].add(logits(0), against: known, columns: columns, targets: targets)
        if rounded != nil {
          scores[1].add(logits(2), against: known, columns: columns, targets: targets)
        }
      }
      try progress(0.9 + 0.1 * Double(index + 1) / Double(windows.count))
    }
    let seconds = (ContinuousClock.now - started) / .seconds(1)
    var report = try scores[0].report(sequenceLength: sequenceLength, seconds: seconds)
    // Where rounding breaks a model, there is nothing to compare with.
    if rounded != nil,
      let other = try? scores[1].report(sequenceLength: sequenceLength, seconds: seconds)
    {
      report.comparison?.rounded = other.comparison.map {
        .init(
          perplexity: other.perplexity, klDivergenceMean: $0.klDivergenceMean,
          klDivergenceByPosition: $0.klDivergenceByPosition)
      }
    }
    return report
  }

  private func windows(
    of file: URL, model: ReadableModel, reference: ReadableModel?
  ) throws -> [[Int]] {
    let limit = model.description.positionLimit
    guard sequenceLength >= 2, sequenceLength <= limit else {
      throw InputError(
        .invalidValue, source: OptionName.sequenceLength.description,
        "found \(sequenceLength), expected from 2 to \(limit), the model's max_position_embeddings")
    }
    let name = file.path(percentEncoded: false)
    let bytes = try readFile(name, acceptsPipes: true)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw InputError(.malformed, source: name, "is not text in UTF-8")
    }
    let ids = try model.checkpoint.tokenizer()
      .encode(text, addingSpecialTokens: false)
    if let reference { try requireSameTokens(ids, of: text, model, reference) }
    guard ids.count >= sequenceLength else {
      throw InputError(
        .invalidValue, source: name,
        "has \(ids.count) tokens, expected at least one window of \(sequenceLength)")
    }
    return stride(from: 0, through: ids.count - sequenceLength, by: sequenceLength).map {
      Array(ids[$0..<$0 + sequenceLength])
    }
  }

  /// Predictions of tokens that mean something else cannot be compared.
  private func requireSameTokens(
    _ ids: [Int], of text: String, _ model: ReadableModel, _ reference: ReadableModel
  ) throws {
    // A reference needs no tokenizer of its own.
    guard let theirs = reference.checkpoint.tokenizerFile,
      theirs != model.checkpoint.tokenizerFile
    else { return }
    let others = try reference.checkpoint.tokenizer()
      .encode(text, addingSpecialTokens: false)
    guard ids != others else { return }
    let first = zip(ids, others).enumerated().first { $0.element.0 != $0.element.1 }
    throw InputError(
      .invalidValue, source: reference.checkpoint.tokenizerName,
      "makes other tokens of the text than the model's tokenizer: "
        + (first.map { "number \($0.offset + 1) is \($0.element.1), not \($0.element.0)" }
          ?? "\(others.count), not \(ids.count)"))
  }

  private func requireComparable(_ model: ReadableModel, _ reference: ReadableModel) throws {
    let (ours, theirs) = (model.description.vocabularySize, reference.description.vocabularySize)
    guard ours == theirs else {
      throw InputError(
        .invalidValue, source: reference.checkpoint.folder.path(percentEncoded: false),
        place: "vocab_size",
        "found \(theirs), expected \(ours) as in the model that is compared with it")
    }
  }
}
