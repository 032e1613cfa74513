import Compute
import Recordings

/// Multiplications and additions that the mathematics of a program ask for, of one pass forward and, where it trains,
/// backward. What the kernels compute a second time, or throw away, does not count.
struct OperationCount {
  var linear = 0.0
  /// And in scans.
  var attention = 0.0
  var total: Double { linear + attention }

  init(_ program: Program) {
    for step in program.steps {
      let isTraining = program.training != .nothing
      switch step.node.operation {
      case .attention(let shape):
        // Scores and their sums of values; backward, two products for each of these.
        let pairs = (0..<program.tokens).reduce(0) { $0 + $1 + 1 - shape.visible.first(query: $1) }
        let channels = shape.headCount * (shape.headSize + shape.valueSize)
        attention += Double(2 * program.batch * pairs * channels * (isTraining ? 3 : 1))
      case .linear, .groupedLinear:
        // Backward, the gradient to the weight and, where it is needed, that to the input.
        let (inputs, outputs) = (step.inputs[0].columns, step.columns(of: step.result))
        let products =
          1 + (step.trains(step.parameters[0]) ? 1 : 0) + (step.gradientModes[0] == .none ? 0 : 1)
        linear += 2 * Double(step.rows * inputs) * Double(outputs * products)
      case .scan(let scan):
        // Token by token, products of a head's state with a key, a query or their gradients: forward one for the
        // update, one for the result and, by the delta rule, one for the correction; backward two for each, and one
        // for the decay.
        let products = scan.corrects ? 3 : 2
        let count = isTraining ? 3 * products + 1 : products
        let states =
          program.batch * program.tokens * scan.valueHeadCount * scan.keySize * scan.valueSize
        attention += 2 * Double(states * count)
      default: break
      }
    }
  }
}
