import Checkpoints
package import Compute
package import Diagnostics
import LanguageModels
import Tensors

/// Where the two streams of hidden states are kept: in memory as far as the budget allows, else in
/// scratch files.
package struct StreamPlacement {
  /// One stream.
  private let sampleCount: Int
  private let sampleByteCount: Int
  private let compute: ComputeType
  /// Streams that are in memory; those beyond are spilled.
  package private(set) var streamsInMemory: Int
  /// Where scratch files go; nil where there is no place for them.
  private let scratchFolder: String?
  private let residentSampleCount: Int

  /// Bytes of a whole stream.
  package var streamByteCount: Int { sampleCount * sampleByteCount }
  private static let streamCount = 2
  /// What a spilled stream has in memory at least; a batch if that is more.
  private static let windowByteCount = 8 << 20

  /// Everything in memory.
  package init(sampleCount: Int, sampleByteCount: Int, compute: ComputeType) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.compute = compute
    streamsInMemory = Self.streamCount
    scratchFolder = nil
    residentSampleCount = sampleCount
  }

  /// Decides by what a block needs besides the streams.
  ///
  /// - Parameters:
  ///   - need: What tuning a block takes.
  ///   - batch: Samples of a step.
  /// - Throws: `invalidValue` if the budget does not suffice even when both streams are spilled.
  package init(
    sampleCount: Int, sampleByteCount: Int, compute: ComputeType, batch: Int, need: MemoryNeed,
    budget: MemoryBudget, scratchFolder: String
  ) throws(InputError) {
    self.sampleCount = sampleCount
    self.sampleByteCount = sampleByteCount
    self.compute = compute
    self.scratchFolder = scratchFolder
    residentSampleCount = min(
      sampleCount, max(batch, Self.windowByteCount / max(1, sampleByteCount)))
    let window = residentSampleCount * sampleByteCount
    // Mapped files are memory of the process, but the system can take it back.
    let block = budget.isGiven ? need.byteCount : need.byteCount - need.mappedByteCount
    func total(_ inMemory: Int) -> Int {
      block + inMemory * sampleCount * sampleByteCount + (Self.streamCount - inMemory) * window
    }
    streamsInMemory =
      (0...Self.streamCount).last { total($0) <= budget.byteCount } ?? 0
    guard total(streamsInMemory) <= budget.byteCount else {
      let least = Quantities.bytes(total(0))
      throw InputError(
        .invalidValue, source: budget.isGiven ? "--memory-budget" : nil,
        budget.isGiven
          ? "found \(Quantities.bytes(budget.byteCount)), but tuning a block takes \(least); give "
            + "as much, or make --batch-size or --sequence-length smaller"
          : "tuning a block takes \(least) of memory, and \(Quantities.bytes(budget.byteCount)) are "
            + "free; make --batch-size or --sequence-length smaller, or try a larger --memory-budget"
      )
    }
  }

  /// A cache for one of the streams.
  ///
  /// - Parameter position: 0 for the stream that is in memory first, 1 for the other.
  package func makeCache(_ position: Int) throws(InputError) -> ActivationCache {
    guard position >= streamsInMemory, let scratchFolder else {
      return ActivationCache(
        sampleCount: sampleCount, sampleByteCount: sampleByteCount, compute: compute)
    }
    return try ActivationCache(
      sampleCount: sampleCount, sampleByteCount: sampleByteCount, compute: compute,
      spilledTo: scratchFolder, residentSampleCount: residentSampleCount)
  }
}

/// The memory that tuning a block takes, besides the streams of hidden states.
package struct MemoryNeed: Equatable {
  /// All of it, with what the process has already.
  package var byteCount: Int
  /// The part of it that is a view of the source's files.
  package var mappedByteCount: Int

  package init(byteCount: Int, mappedByteCount: Int) {
    self.byteCount = byteCount
    self.mappedByteCount = mappedByteCount
  }

  /// Needed at once while `block` is tuned: what the process has, with the program and its weights; the
  /// program's activations and gradients; for each weight that is quantized its offset, now and at best,
  /// each in f32; the source's weights; and the codes of one layer after another.
  init(
    tuning block: PlacedBlock, program: BlockProgram, source: SourceModel,
    isQuantized: (String) -> Bool
  ) {
    var (offsets, converted, mapped, codes) = (0, 0, 0, 0)
    for layer in block.block.linearLayers where isQuantized("\(block.name).\(layer.name)") {
      let weights = layer.outputs * layer.inputs
      let dtype = source.checkpoint.info("\(block.name).\(layer.name).weight")?.dtype ?? .bfloat16
      offsets += weights * 8
      mapped += weights * dtype.byteCount
      if dtype != .bfloat16 && dtype != .float32 { converted += weights * 4 }
      codes = max(codes, weights * 2)
    }
    let known =
      ProcessMemory.currentByteCount + program.program.memoryByteCount + offsets + converted + codes
    mappedByteCount = mapped
    // Scales and what the matrix library packs are small beside the rest.
    byteCount = known + mapped + known / 20 + 16 << 20
  }
}
