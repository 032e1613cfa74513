/// Operations in f64, each written down as its definition reads, with derivatives by the
/// chain rule from the last operation to the first.
package final class Tape {
  /// A matrix with the derivative of the final result with respect to it.
  package final class Node {
    package let value: Matrix
    package var gradient: Matrix

    package init(_ value: Matrix) {
      self.value = value
      gradient = Matrix(rows: value.rows, columns: value.columns)
    }
  }

  private var steps: [(result: Node, backward: (Matrix) -> Void)] = []

  package init() {}

  /// Records `value` as the result of an operation; `backward` adds to the gradients of what it read.
  package func record(_ value: Matrix, _ backward: @escaping (_ gradient: Matrix) -> Void) -> Node {
    let node = Node(value)
    steps.append((node, backward))
    return node
  }

  /// Adds to all gradients those of `sum(gradient * output)`.
  package func backward(from output: Node, gradient: Matrix) {
    output.gradient += gradient
    for step in steps.reversed() { step.backward(step.result.gradient) }
  }
}
