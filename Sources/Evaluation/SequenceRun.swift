import Compute
import Execution
import LanguageModels
import Recordings
import Tensors

/// The weights of every block of a model, read when they are first needed.
final class ResidentWeights {
  private let model: ReadableModel
  private let device: any Device
  private var loaded: [ParameterMemory]?

  init(_ model: ReadableModel, _ device: any Device) {
    self.model = model
    self.device = device
  }

  func parameters() throws -> [ParameterMemory] {
    if let loaded { return loaded }
    // Weights lie alike in memory whatever the number of tokens.
    let programs = ProgramStore(device: device, batch: 1, positions: 1)
    let parameters = try model.description.blocks.map { placed in
      let block = try programs.program(for: placed, tokens: 1)
      block.program.parameters = block.program.makeParameters()
      try block.load(placed.name, from: model.source)
      return block.program.parameters
    }
    loaded = parameters
    return parameters
  }
}

/// One sequence on its way through all blocks of a model, with what each block remembers of it.
struct SequenceRun {
  private let blocks: [Block]
  private let programs: ProgramStore
  /// What fills the columns that the stream carries, for the prompt and for one token; nil for a model without any.
  private let carried: (prompt: CarriedEmbedding?, single: CarriedEmbedding?)
  private let rowByteCount: Int
  /// Room for the columns that the stream carries.
  private let columns: DeviceRange

  private struct Block {
    var placed: PlacedBlock
    var parameters: ParameterMemory
    var sequence: SequenceMemory
  }

  init(
    _ model: ReadableModel, _ weights: ResidentWeights, device: any Device, promptTokens: Int,
    positions: Int
  ) throws {
    programs = ProgramStore(device: device, batch: 1, positions: positions)
    var blocks: [Block] = []
    for (placed, parameters) in zip(model.description.blocks, try weights.parameters()) {
      let block = try programs.program(for: placed, tokens: promptTokens)
      blocks.append(
        Block(
          placed: placed, parameters: parameters,
          sequence: block.program.makeSequence(capacity: positions)))
    }
    self.blocks = blocks
    func carried(_ tokens: Int) throws -> CarriedEmbedding? {
      try CarriedEmbedding(
        model.description.front, tokens: tokens, source: model.source, device: device)
    }
    self.carried = (try carried(promptTokens), try carried(1))
    rowByteCount = model.description.hiddenSize * device.compute.byteCount
    let byteCount = promptTokens * model.description.carriedColumns * device.compute.byteCount
    columns = DeviceRange(device.makeBuffer(byteCount: max(byteCount, 1)))
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
