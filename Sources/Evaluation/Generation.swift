public import CPU
package import ChatTemplates
package import Checkpoints
import Compute
import Diagnostics
import Execution
public import Foundation
import JSONText
import LanguageModels
public import Recordings
import Tensors
import Tokenization

/// Continues a prompt, to see with one's own eyes what a quantized model has kept.
///
/// All weights are held in memory as numbers, from the first prompt on. A prompt runs in one piece; then each token
/// runs by itself on the cached keys and values of those before.
public struct Generation {
  private let tokenizer: Tokenizer
  private let model: ReadableModel
  private let device: CPUDevice
  private let embedding: TokenEmbedding
  private let head: LogitProgram
  private let ends: Set<Int>
  private let weights: ResidentWeights
  /// Tokens to add at most.
  public var tokenLimit: Int
  /// 0 takes the most likely token each time; above 0 tokens are drawn from the distribution that this
  /// flattens (above 1) or sharpens (below 1).
  public var temperature: Double
  /// Start of the random numbers.
  public var seed: UInt64

  /// Opens a checkpoint, in full precision or quantized.
  ///
  /// - Parameter compute: The type of the matrix products.
  public init(
    model folder: URL, tokenLimit: Int = 64, temperature: Double = 0, seed: UInt64 = 42,
    compute: ComputeType = .automatic
  ) throws {
    try self.init(
      Checkpoint.model(opening: folder), tokenLimit: tokenLimit, temperature: temperature,
      seed: seed, compute: compute)
  }

  /// Takes a checkpoint that ``Checkpoint/model(opening:)`` has opened.
  package init(
    _ checkpoint: Checkpoint, tokenLimit: Int, temperature: Double, seed: UInt64 = 42,
    compute: ComputeType
  ) throws {
    model = try ReadableModel(checkpoint)
    tokenizer = try model.checkpoint.tokenizer()
    device = try CPUDevice(compute: compute)
    embedding = try TokenEmbedding(
      model.description.front, source: model.source, compute: device.compute)
    head = try LogitProgram(model, tokens: 1, device: device)
    ends = Self.endTokens(model, tokenizer)
    weights = ResidentWeights(model, device)
    self.tokenLimit = tokenLimit
    self.temperature = temperature
    self.seed = seed
  }

  /// The text that the model adds to `prompt`, piece by piece as it comes.
  ///
  /// - Throws: `InputError` if the prompt is empty, or longer than the model's positions allow; and what `onText` throws.
  public func run(prompt: String, onText: (String) throws -> Void) throws {
    let ids = try tokenizer.encode(prompt, addingSpecialTokens: true)
    try run(ids, OptionName.prompt.description, onText: onText)
  }

  /// The model's answer to the last message of a conversation, piece by piece as it comes.
  ///
  /// - Parameter format: The model's way to write conversations.
  /// - Returns: All of the answer.
  /// - Throws: As ``run(prompt:onText:)``; and what the template refuses.
  @discardableResult
  package func run(
    _ conversation: Conversation, in format: ChatFormat, onText: (String) throws -> Void
  ) throws -> String {
    var answer = ""
    let text = try format.text(of: conversation, addsPrompt: true)
    try run(try tokenizer.encode(text, addingSpecialTokens: false), "the conversation") { piece in
      answer += piece
      try onText(piece)
    }
    return answer
  }

  /// - Parameter name: The prompt as errors name it.
  private func run(
    _ ids: [Int], _ name: String, onText: (String) throws -> Void
  ) throws {
    let limit = model.description.positionLimit
    guard !ids.isEmpty, ids.count < limit else {
      throw InputError(
        .invalidValue, source: name,
        "has \(ids.count) tokens, expected from 1 to \(limit - 1)")
    }
    let positions = ids.count + min(max(tokenLimit, 0), limit - ids.count)
    let blocks = try SequenceRun(
      model, weights, device: device, promptTokens: ids.count, positions: positions)
    var sampler = TokenSampler(temperature: temperature, seed: seed)
    var text = StreamingDecoder(tokenizer, after: ids, skippingSpecialTokens: true)
    var hidden = try blocks.run(ids, embedding)
    for count in 1...max(positions - ids.count, 1) where positions > ids.count {
      let logits = head.logits(of: hidden)
      let next = try sampler.next(UnsafeBufferPointer(start: logits, count: head.columns))
      if ends.contains(next) { break }
      try onText(text.append(next))
      if count < positions - ids.count { hidden = try blocks.run([next], embedding) }
    }
    try onText(text.finish())
  }

  /// The ids that end a text: `eos_token_id` of generation_config.json and config.json, and the tokenizer's.
  private static func endTokens(_ model: ReadableModel, _ tokenizer: Tokenizer) -> Set<Int> {
    var ends = Set(tokenizer.endOfText.map { [$0] } ?? [])
    let file = model.checkpoint.folder.appending(path: "generation_config.json")
    let made = model.checkpoint.documents.first { $0.name == file.lastPathComponent }
    let generation = made.map { try? JSONValue.parse($0.text) } ?? (try? .parse(contentsOf: file))
    for source in [model.checkpoint.configuration, generation] {
      guard let value = source?["eos_token_id"] else { continue }
      ends.formUnion((value.arrayValue ?? [value]).compactMap(\.intValue))
    }
    return ends
  }
}
