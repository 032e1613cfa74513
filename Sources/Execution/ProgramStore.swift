package import Compute
package import LanguageModels
package import Recordings

/// The programs of decoder blocks: one for all blocks of a kind, whose weights are bound one after another.
package final class ProgramStore {
  private struct Key: Hashable {
    var kind: PlacedBlock.Kind
    var tokens: Int
  }

  private let device: any Device
  private let batch: Int
  private let positions: Int?
  private let training: Program.Training
  private let gradientPrecision: GradientPrecision
  private let keepsOne: Bool
  private var programs: [Key: BlockProgram] = [:]

  /// - Parameters:
  ///   - batch: Sequences that run at once.
  ///   - positions: Positions that a sequence can reach, if more than the tokens of a run.
  ///   - keepsOne: Whether only the program that was asked for last is kept, so that a model with blocks of
  ///     several kinds takes no more memory.
  package init(
    device: any Device, batch: Int, positions: Int? = nil, training: Program.Training = .nothing,
    gradientPrecision: GradientPrecision = .full, keepsOne: Bool = false
  ) {
    self.device = device
    self.batch = batch
    self.positions = positions
    self.training = training
    self.gradientPrecision = gradientPrecision
    self.keepsOne = keepsOne
  }

  /// The program of blocks like `placed` for sequences of `tokens` tokens, made when it is first asked for. It reads the
  /// carried columns of `placed` until it is asked for another block.
  package func program(for placed: PlacedBlock, tokens: Int) throws -> BlockProgram {
    let program = try program(of: placed, tokens: tokens)
    program.firstOwnColumn = placed.firstOwnColumn
    return program
  }

  private func program(of placed: PlacedBlock, tokens: Int) throws -> BlockProgram {
    let key = Key(kind: placed.kind, tokens: tokens)
    if let known = programs[key] { return known }
    if keepsOne { programs = [:] }
    let program = try BlockProgram(
      placed.block, activations: placed.activations, batch: batch, tokens: tokens,
      positions: positions, device: device, training: training,
      gradientPrecision: gradientPrecision)
    programs[key] = program
    return program
  }
}
