public import CPU
import Checkpoints
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
/// All weights are held in memory as numbers. The prompt runs in one piece; then each token runs by itself
/// on the cached keys and values of those before.
public struct Generation {
  private let tokenizer: Tokenizer
  private let model: ReadableModel
  private let device: CPUDevice
  private let embedding: TokenEmbedding
  private let head: LogitProgram
  private let ends: Set<Int>
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
    model = try ReadableModel(opening: folder)
    tokenizer = try Tokenizer(folder: folder)
    device = try CPUDevice(compute: compute)
    embedding = try TokenEmbedding(
      model.description.front, source: model.source, compute: device.compute)
    head = try LogitProgram(model, tokens: 1, device: device)
    ends = Self.endTokens(model, tokenizer)
    self.tokenLimit = tokenLimit
    self.temperature = temperature
    self.seed = seed
  }

  /// The text that the model adds to `prompt`, piece by piece as it comes.
  ///
  /// - Throws: `InputError` if the prompt is empty, or longer than the model's positions allow; and what `onText` throws.
  public func run(prompt: String, onText: (String) throws -> Void) throws {
    let ids = try tokenizer.encode(prompt, addingSpecialTokens: true)
    let limit = model.description.positionLimit
    guard !ids.isEmpty, ids.count < limit else {
      throw InputError(
        .invalidValue, source: OptionName.prompt.description,
        "has \(ids.count) tokens, expected from 1 to \(limit - 1)")
    }
    let positions = ids.count + min(max(tokenLimit, 0), limit - ids.count)
    let blocks = try ResidentBlocks.load(
      model, device: device, promptTokens: ids.count, positions: positions)
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
    for source in [model.checkpoint.configuration, try? JSONValue.parse(contentsOf: file)] {
      guard let value = source?["eos_token_id"] else { continue }
      ends.formUnion((value.arrayValue ?? [value]).compactMap(\.intValue))
    }
    return ends
  }
}

/// Every block of a model with its weights and its cache.
private struct ResidentBlocks {
  let blocks: [Block]
  let programs: ProgramStore
  /// What fills the columns that the stream carries, for the prompt and for one token; nil for a model without any.
  let carried: (prompt: CarriedEmbedding?, single: CarriedEmbedding?)
  let rowByteCount: Int
  /// Room for the columns that the stream carries.
  let columns: DeviceRange

  struct Block {
    var placed: PlacedBlock
    var parameters: ParameterMemory
    var sequence: SequenceMemory
  }

  static func load(
    _ model: ReadableModel, device: any Device, promptTokens: Int, positions: Int
  ) throws -> ResidentBlocks {
    let programs = ProgramStore(device: device, batch: 1, positions: positions)
    var blocks: [Block] = []
    for placed in model.description.blocks {
      let block = try programs.program(for: placed, tokens: promptTokens)
      block.program.parameters = block.program.makeParameters()
      try block.load(placed.name, from: model.source)
      blocks.append(
        Block(
          placed: placed, parameters: block.program.parameters,
          sequence: block.program.makeSequence(capacity: positions)))
    }
    func carried(_ tokens: Int) throws -> CarriedEmbedding? {
      try CarriedEmbedding(
        model.description.front, tokens: tokens, source: model.source, device: device)
    }
    let byteCount = promptTokens * model.description.carriedColumns * device.compute.byteCount
    return ResidentBlocks(
      blocks: blocks, programs: programs, carried: (try carried(promptTokens), try carried(1)),
      rowByteCount: model.description.hiddenSize * device.compute.byteCount,
      columns: DeviceRange(device.makeBuffer(byteCount: max(byteCount, 1))))
  }

  /// Runs the next tokens through all blocks; returns the last one's hidden state.
  func run(_ ids: [Int], _ embedding: TokenEmbedding) throws -> DeviceRange {
    var previous: DeviceRange?
    for block in blocks {
      let program = try programs.program(for: block.placed, tokens: ids.count)
      let input = program.program[range: program.input]
      if let previous {
        input.copy(from: previous, byteCount: ids.count * rowByteCount)
      } else {
        try embedding.write(ids, from: block.sequence.tokenCount, to: input)
        let embedding = ids.count == 1 ? carried.single : carried.prompt
        try embedding?.write(ids, embedded: input, to: columns)
      }
      program.readCarried(0, from: columns)
      program.program.parameters = block.parameters
      program.program.sequence = block.sequence
      program.program.forward()
      program.writeCarried(0, to: columns)
      previous = program.program.output
    }
    guard let previous else { preconditionFailure("a model without blocks") }
    return previous + (ids.count - 1) * rowByteCount
  }
}
