/// The sums of squares of each linear layer's inputs, column by column, over everything that a program
/// has run forward: how much an error in a column of a weight matters.
package final class InputSquares {
  private var sums: [Parameter: [Float]] = [:]

  package init() {}

  /// One number for each column of a matrix; nil if it has not been run.
  package subscript(_ weight: Parameter) -> [Float]? { sums[weight] }

  /// Adds those of the inputs of a linear layer.
  func add(_ step: Step, in program: Program) {
    let (input, weight) = (step.inputs[0], step.parameters[0])
    program.device.addSquares(
      of: program[range: input], rows: program.sampleCount * program.tokens,
      stride: step.columns(of: input.value),
      to: &sums[weight, default: Array(repeating: 0, count: input.columns)])
  }
}
